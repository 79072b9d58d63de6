"""Report → sections of headings and rows of text: what the PDF, the page and the tables share."""
