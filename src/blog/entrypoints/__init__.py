"""Entry points: one package for each kind of caller. They know `OpenBlog` and no adapter."""
