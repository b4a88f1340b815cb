ln -s nowhere.yaml jobs.d/linked.yaml
