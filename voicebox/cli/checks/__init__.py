"""What `voicebox doctor` looks at: each check returns findings with a cure, and none of them raises."""
