"""The command `sample`: options, sampler, gallery and folder, decoding."""
