"""The kinds of panels, as rows: what a panel says, and how that is drawn. Each has a title, a description, a unit, the chosen source."""
