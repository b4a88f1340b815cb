head -c 6000000 /dev/zero > jobs.d/large.yaml
