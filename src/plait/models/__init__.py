"""Models in files: found, hashed and loaded with safe weights only; what encoders of the feature store and extractors of the ETL share."""
