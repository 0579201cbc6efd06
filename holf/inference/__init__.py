"""Inference for a cluster-randomised trial of any shape: frames and arrays in, frozen records out, no trial's facts."""
