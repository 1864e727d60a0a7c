"""Every sentence a user reads, in Chinese and English."""

from servicecircle.text.text import LANGUAGES, say, sentence

__all__ = ["LANGUAGES", "say", "sentence"]
