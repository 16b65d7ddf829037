kith_library(kith_distance DIRS index/distance DEPS kith_base)
