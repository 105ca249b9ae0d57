-- Creates OutboundPayments in many sandboxes in turn, each with an idempotency key of its own.
local common = dofile(os.getenv("BENCH_SCRIPTS") .. "/common.lua")

local creators = {}
for line in io.lines(os.getenv("BENCH_TARGETS")) do
  local key, account, customer = line:match("(%S+) (%S+) (%S+)")
  creators[#creators + 1] = common.creator(key, account, customer)
end
local turn = 0
function request()
  turn = turn % #creators + 1
  return creators[turn]()
end
