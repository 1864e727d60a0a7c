"""Cases: the same world with one thing changed, judged again."""
