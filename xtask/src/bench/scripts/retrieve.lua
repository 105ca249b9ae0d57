-- Retrieves payments from all over the store.
local common = dofile(os.getenv("BENCH_SCRIPTS") .. "/common.lua")
init = common.read_ids
request = common.retrieve
