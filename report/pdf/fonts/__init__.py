"""The font files that the PDF embeds parts of, each with its licence beside it."""
