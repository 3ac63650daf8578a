"""Programs that run under another interpreter, whose packages have names that ours have too."""
