"""A slow, plain second reading of the travel contract, kept apart from the package so that the two can be compared.

Nothing here imports the package under test. Where a choice was possible, the shorter and more obvious code was taken.
"""
