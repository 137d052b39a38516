// Restate's side of the comparison: steps that do nothing, one after the other and all at once.
import * as restate from "@restatedev/restate-sdk";

const step = restate.service({ name: "step", handlers: { nothing: async () => 0 } });

const flow = restate.service({
  name: "flow",
  handlers: {
    nothing: async () => 0,
    // Steps in the handler's own process.
    sequence: async (ctx, count) => {
      for (let index = 0; index < count; index++) await ctx.run("step", () => 0);
      return count;
    },
    // Durable calls of another handler.
    calls: async (ctx, count) => {
      for (let index = 0; index < count; index++) await ctx.serviceClient(step).nothing();
      return count;
    },
    fan: async (ctx, count) => {
      const calls = Array.from({ length: count }, () => ctx.serviceClient(step).nothing());
      return (await restate.RestatePromise.all(calls)).length;
    },
  },
});

restate.serve({ services: [step, flow], port: Number(process.argv[2]) });
