for n in 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31; do head -c 5000000 /dev/zero > jobs.d/part-$n.yaml; done
