-- One row: the SHA-256 of a vector's bytes.
-- In the order of the vectors.
SELECT SHA256(bytes) AS content
FROM given_vectors
ORDER BY place;
