"""What others computed and a study is given: feature tables and embeddings, joined to its persons."""
