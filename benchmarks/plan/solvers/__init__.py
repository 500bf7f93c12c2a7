"""Who takes part: HiGHS whole and site by site, Evergrid on CPUs and devices, peers on GPUs."""
