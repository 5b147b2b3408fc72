package io.millrace.model.program;

import io.millrace.model.spec.ExpertSpec;
import io.millrace.model.spec.GatedUnit;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.RouteSpec;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Operators that only mixtures of experts have. */
public sealed interface MixtureOp extends Op {
    /** {@code out = σ(gate) · in}, one gate a row. */
    record GateRows(Value gate, Value in, Value out) implements MixtureOp {
        /** Checks that the result can take its place. */
        public GateRows {
            boolean fits = gate.width() == 1 && gate.rows() == in.rows() && gate.isDense();
            out.require(fits && in.liesAs(out) && in.isDense(), "a gate of rows");
        }

        @Override
        public List<Value> reads() {
            return List.of(gate, in);
        }

        @Override
        public Optional<Value> makes() {
            return Optional.of(out);
        }

        @Override
        public Optional<Value> replaces() {
            return Optional.of(in);
        }
    }

    /**
     * What each expert counts for a token: its weight where the token chose it, else 0.
     *
     * @param router [experts, width]: its product with a row has the scores
     * @param route how they choose
     */
    record Route(LinearSpec router, RouteSpec route, Value in, Value out) implements MixtureOp {
        /** Checks the widths. */
        public Route {
            boolean fits = router.inputs() == in.width() && router.outputs() == route.experts();
            boolean held = out.memory() == Value.Memory.HELD && in.rows() == out.rows();
            out.require(fits && held && out.width() == route.experts(), "a route");
        }

        @Override
        public Stream<LinearSpec> products() {
            return Stream.of(router);
        }

        @Override
        public List<Value> reads() {
            return List.of(in);
        }

        @Override
        public Optional<Value> makes() {
            return Optional.of(out);
        }
    }

    /**
     * {@code out = hidden + Σ w_e · down_e(gated(gate_e(in), up_e(in)))} over the experts that a
     * token chose, in order. An expert that no token chose is not asked for.
     *
     * @param experts all of one shape
     * @param chosen how many of them a token chooses
     * @param unit how gates meet what they gate
     * @param routes what each expert counts for a token
     */
    record Experts(
            List<ExpertSpec> experts,
            int chosen,
            GatedUnit unit,
            Value in,
            Value routes,
            Value hidden,
            Value out)
            implements MixtureOp {
        /** Freezes the experts, and checks the widths. */
        public Experts {
            experts = List.copyOf(experts);
            int inner = experts.getFirst().inner();
            boolean joined = experts.getFirst().isJoined();
            int wide = joined ? 2 * inner : inner;
            boolean alike =
                    experts.stream()
                            .allMatch(one ->
                                    one.inner() == inner
                                            && one.isJoined() == joined
                                            && (joined
                                                    || (one.gate().outputs() == inner
                                                            && one.gate().inputs() == in.width()))
                                            && one.up().outputs() == wide
                                            && one.up().inputs() == in.width()
                                            && one.down().outputs() == out.width());
            boolean held =
                    Stream.of(in, routes).allMatch(value -> value.memory() == Value.Memory.HELD);
            boolean fits = routes.width() == experts.size() && hidden.liesAs(out);
            boolean streams = out.memory() == Value.Memory.STREAM;
            out.require(alike && fits && held && streams, "the experts of " + routes.name());
        }

        @Override
        public Stream<LinearSpec> products() {
            return experts.stream().flatMap(ExpertSpec::matrices);
        }

        @Override
        public List<Value> reads() {
            return List.of(in, routes, hidden);
        }

        @Override
        public Optional<Value> replaces() {
            return Optional.of(hidden);
        }

        @Override
        public Optional<Value> makes() {
            return Optional.of(out);
        }

        @Override
        public List<Value> passing() {
            return isJoined()
                    ? List.of(rowsIn(), both(), gate(), up(), rowsOut())
                    : List.of(rowsIn(), gate(), up(), rowsOut());
        }

        /** The rows of tokens that chose an expert, one after another. */
        public Value rowsIn() {
            return between("rows", in.width());
        }

        /** Whether one matrix of an expert gives the gates and what they gate. */
        public boolean isJoined() {
            return experts.getFirst().isJoined();
        }

        /** What that makes of them. */
        public Value both() {
            return between("gate and up", 2 * experts.getFirst().inner());
        }

        /** What its gate makes of them. */
        public Value gate() {
            return between("gate", experts.getFirst().inner());
        }

        /** What is gated. */
        public Value up() {
            return between("up", experts.getFirst().inner());
        }

        /** What it gives. */
        public Value rowsOut() {
            return between("result", out.width());
        }

        private Value between(String name, int width) {
            return new Value("expert's " + name, width, in.rows(), Value.Memory.STATES);
        }
    }
}
