exec node probe.mjs setup
