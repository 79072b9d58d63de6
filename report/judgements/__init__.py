"""One judgement a file: each takes the evidence on one guest and returns findings, and doubts where something was not seen."""
