-- Lists the ten newest payments of a financial account.
local common = dofile(os.getenv("BENCH_SCRIPTS") .. "/common.lua")
request = common.list
