"""RLDS episodes as TFDS stores them, read and written without TensorFlow."""
