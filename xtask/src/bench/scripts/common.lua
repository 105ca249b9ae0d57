-- What every script shares: who asks, and how a run is reported.
--
-- Requests are built as raw text once and joined to what changes: the generator shares the
-- processor with the server, so what it spends is taken from what is measured.

local common = {}

local function required(name)
  return os.getenv(name) or error(name .. " is not set")
end

local host = required("BENCH_HOST")
local account = required("BENCH_ACCOUNT")
local run = required("BENCH_RUN")
local payments = "/v1/treasury/outbound_payments"

local function head_of(key)
  return "Host: " .. host .. "\r\nAuthorization: Bearer " .. key .. "\r\n"
end
local head = head_of(required("BENCH_KEY"))

-- Called once a thread in the main state; the numbers make keys unique across threads.
local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("thread_number", threads)
end

-- Gives a function that gives the next request of a sandbox.
function common.creator(key, account, customer)
  local body = table.concat({
    "financial_account=" .. account,
    "amount=" .. required("BENCH_AMOUNT"),
    "currency=usd",
    "customer=" .. customer,
    "description=Invoice+4711",
    "destination_payment_method_data[type]=us_bank_account",
    "destination_payment_method_data[us_bank_account][account_holder_type]=company",
    "destination_payment_method_data[us_bank_account][routing_number]=110000000",
    "destination_payment_method_data[us_bank_account][account_number]=000000000009",
    "destination_payment_method_data[billing_details][name]=Ann+Vendor",
    "metadata[invoice]=in_4711",
    "metadata[department]=purchasing",
  }, "&")
  local create_head = "POST " .. payments .. " HTTP/1.1\r\n" .. head_of(key) ..
    "Content-Type: application/x-www-form-urlencoded\r\n" ..
    "Content-Length: " .. #body .. "\r\nIdempotency-Key: " .. run .. "-"
  local create_tail = "\r\n\r\n" .. body
  local created = 0
  return function()
    created = created + 1
    return create_head .. thread_number .. "-" .. created .. create_tail
  end
end

local create = common.creator(required("BENCH_KEY"), account, required("BENCH_CUSTOMER"))
function common.create()
  return create()
end

local ids = {}
function common.read_ids()
  for id in io.lines(required("BENCH_IDS")) do
    ids[#ids + 1] = id
  end
  -- Threads start at different places, so that they do not ask for the same rows in step.
  common.position = math.floor(#ids * (thread_number - 1) / 2)
end

local retrieve_head = "GET " .. payments .. "/"
local retrieve_tail = " HTTP/1.1\r\n" .. head .. "\r\n"
function common.retrieve()
  -- A stride that shares no factor with the count visits every id, and neighbours rarely.
  common.position = (common.position + 7919) % #ids
  return retrieve_head .. ids[common.position + 1] .. retrieve_tail
end

local list = "GET " .. payments .. "?financial_account=" .. account ..
  "&limit=10 HTTP/1.1\r\n" .. head .. "\r\n"
function common.list()
  return list
end

-- wrk counts an answer above 399 as an error of status; nothing is asked that redirects.
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,' ..
    '"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end

return common
