"""Markdown with markdown-it-py."""

from .renderer import MarkdownItMarkdownRenderer

__all__ = ["MarkdownItMarkdownRenderer"]
