-- Creates OutboundPayments, each with an idempotency key of its own.
local common = dofile(os.getenv("BENCH_SCRIPTS") .. "/common.lua")
request = common.create
