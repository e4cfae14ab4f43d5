sh probe.sh setup
