"""Settings + rows → recording and alerting rules, one row an alert."""
