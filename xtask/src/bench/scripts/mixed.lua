-- Of ten requests, two create, two list and six retrieve.
local common = dofile(os.getenv("BENCH_SCRIPTS") .. "/common.lua")
init = common.read_ids

local kinds = {
  common.create, common.retrieve, common.retrieve, common.list, common.retrieve,
  common.create, common.retrieve, common.retrieve, common.list, common.retrieve,
}
local turn = 0
function request()
  turn = turn % #kinds + 1
  return kinds[turn]()
end
