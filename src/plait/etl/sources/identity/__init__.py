"""The study's links: which identifiers of which system are one person. `identity:` in plait.yaml makes it a source."""
