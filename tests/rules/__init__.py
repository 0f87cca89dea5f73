"""What the module versions that were only read must answer: expectations written from the rules' text alone."""
