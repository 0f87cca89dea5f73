"""What a TD really shows, against what was predicted, and against its host: each difference with its cause."""
