-- Decisions as agents ask for them: runs of some dozens of steps, a few hundred tenants, bodies of 300 to 450 bytes.
local threads = 0
function setup(thread) thread:set("id", threads); threads = threads + 1 end

function init(args)
   token = os.getenv("BENCH_TOKEN")
   tag = os.getenv("BENCH_TAG")
   n = 0
   headers = { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" }
   pad = string.rep("the customer asks about the state of an order and when it will arrive. ", 2)
end

function request()
   n = n + 1
   local run = math.floor(n / 36)
   local body = string.format(
      '{"run_id":"run_%s_%d_%d","step_id":"%d","tenant_id":"t_%d","actor":{"type":"user","id":"u_%d","roles":["support"]},'
      .. '"action":"tool.a%d","args":{"order":"A-%d","amount":%d.5,"currency":"EUR","note":"%s"},"context":{"channel":"mail"}}',
      tag, id, run, n, run % 300, run % 5000, n % 40, n, n % 500, pad)
   return wrk.format("POST", "/v1/decisions", headers, body)
end

local bad = 0
function response(status, _, body)
   if status ~= 200 then bad = bad + 1 end
   if bad == 1 and status ~= 200 then io.stderr:write(status, " ", body, "\n") end
end

-- wrk itself prints no further than 99 %.
function done(_, latency)
   print(string.format("p99.9 %d us", latency:percentile(99.9)))
end

-- At a pace: BENCH_PAUSE_MS between an answer and the next request of its connection.
local pause = tonumber(os.getenv("BENCH_PAUSE_MS") or "")
if pause then
   function delay() return math.floor(pause + math.random()) end
end
