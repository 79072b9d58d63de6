"""The Paper drawn as a PDF. `render.render_pdf` is the way in; `document` is the only door to fpdf2."""
