package io.millrace.executor.cpu.program;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.KeptRows;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.nvme.RowSource;
import io.millrace.model.program.Op;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Looks rows of a table up, those that a block has; only those are perturbed. */
final class LookupProgram {
    private static final int TOKENS_PER_TASK = 16;

    private final WorkerPool pool;
    private final Scratch scratch;
    private final Optional<RowSource> alone;
    private final Optional<KeptRows> kept;

    /**
     * Lookups.
     *
     * @param alone rows of the table that no block has, where there is one
     * @param kept those of them that were looked up lately, where a run trains that table
     */
    LookupProgram(
            WorkerPool pool, Scratch scratch, Optional<RowSource> alone, Optional<KeptRows> kept) {
        this.pool = pool;
        this.scratch = scratch;
        this.alone = alone;
        this.kept = kept;
    }

    /**
     * Looks a row up for each token.
     *
     * @param weights the block's weights as the query wants them
     * @param op the table, and what chooses the rows
     * @param batch the tokens
     * @param out [tokens, width] for every scale
     * @param adds whether to add to what is there
     * @param count how many there are: tokens, or the table's own rows
     */
    void run(
            FormedWeights weights,
            Op.Lookup op,
            MicroBatch batch,
            Variants out,
            boolean adds,
            int count) {
        if (alone.isPresent() && !weights.has(op.table().name())) {
            Wanted wanted = new Wanted(batch.ids());
            if (kept.isPresent()) {
                lookUpKept(kept.get(), alone.get(), weights, op, wanted, out);
            } else {
                lookUpAlone(alone.get(), weights, op, wanted, out);
            }
            return;
        }
        int table = weights.indexOf(op.table().name());
        TensorForm form = weights.lookUp(table);
        TensorSlot slot = weights.slot(table);
        int width = op.table().width();
        int[] rows =
                op.index() == Op.Index.ROW
                        ? IntStream.range(0, count).toArray()
                        : batch.indices(op.index(), op.offset());
        eachToken(
                count,
                (token, worker) -> {
                    long row = rows[token] + op.offset() - slot.firstRow();
                    if (slot.panel().isPresent() && (row < 0 || row >= slot.shape().getFirst())) {
                        return; // another panel has it
                    }
                    Floats place = out.of(0).at(token * out.rowStride());
                    // What is to be added is formed by itself first.
                    Floats formed = adds ? scratch.row(worker) : place;
                    long stride = adds ? width : out.stride();
                    form.range(row * width, width, formed, stride, worker);
                    for (int scale = 0; scale < weights.scaleCount(); scale++) {
                        Floats one = formed.at(scale * stride);
                        if (op.scale() != 1f) {
                            Rows.scale(op.scale(), one.segment(), one.start(), width);
                        }
                        if (adds) {
                            Floats to = place.at(scale * out.stride());
                            Rows.add(one.segment(), one.start(), to.segment(), to.start(), width);
                        }
                    }
                });
    }

    /** Reads each row once, and copies it to all tokens that look it up: nothing perturbs it. */
    private static void lookUpAlone(
            RowSource rows, FormedWeights weights, Op.Lookup op, Wanted wanted, Variants out) {
        rows.read(
                weights.visit().step(),
                wanted.rows,
                (index, row) ->
                        wanted.tokens(index)
                                .forEach(token -> put(row, op, out, token, weights.scaleCount())));
    }

    /** Forms each row once, at its first token, and copies it to all others. */
    private void lookUpKept(
            KeptRows rows,
            RowSource base,
            FormedWeights weights,
            Op.Lookup op,
            Wanted wanted,
            Variants out) {
        for (int first = 0; first < wanted.rows.length; first += rows.most()) {
            int from = first;
            int count = Math.min(rows.most(), wanted.rows.length - first);
            int[] some = Arrays.copyOfRange(wanted.rows, from, from + count);
            List<KeptRows.Row> brought = rows.bring(weights.visit().step(), some, base);
            pool.parallelFor(
                    count,
                    Operator.EMBEDDING,
                    (index, worker) -> {
                        int[] tokens = wanted.tokens(from + index).toArray();
                        Floats place = out.of(0).at(tokens[0] * out.rowStride());
                        brought.get(index).form(weights, place, out.stride(), worker);
                        spread(op, weights.scaleCount(), tokens, out);
                    });
        }
    }

    private static void spread(Op.Lookup op, int scales, int[] tokens, Variants out) {
        int width = op.table().width();
        for (int scale = 0; scale < scales; scale++) {
            Floats of = out.of(scale);
            Floats first = of.at(tokens[0] * out.rowStride());
            if (op.scale() != 1f) {
                Rows.scale(op.scale(), first.segment(), first.start(), width);
            }
            for (int other = 1; other < tokens.length; other++) {
                Floats place = of.at(tokens[other] * out.rowStride());
                Rows.copy(first.segment(), first.start(), place.segment(), place.start(), width);
            }
        }
    }

    /** Which rows some tokens look up, each once, and which tokens do. */
    private static final class Wanted {
        private final Integer[] tokens; // in the order of their rows
        private final int[] rows;
        private final int[] ends; // behind the last token of each row

        Wanted(int[] ids) {
            tokens = IntStream.range(0, ids.length).boxed().toArray(Integer[]::new);
            Arrays.sort(tokens, Comparator.comparingInt(token -> ids[token]));
            rows = Arrays.stream(ids).sorted().distinct().toArray();
            ends = new int[rows.length];
            int next = 0;
            for (int row = 0; row < rows.length; row++) {
                while (next < tokens.length && ids[tokens[next]] == rows[row]) {
                    next++;
                }
                ends[row] = next;
            }
        }

        /** The tokens of a row, by its place. */
        IntStream tokens(int row) {
            return IntStream.range(row == 0 ? 0 : ends[row - 1], ends[row])
                    .map(index -> tokens[index]);
        }
    }

    private static void put(MemorySegment row, Op.Lookup op, Variants out, int token, int scales) {
        int width = op.table().width();
        for (int scale = 0; scale < scales; scale++) {
            Floats place = out.of(scale).at(token * out.rowStride());
            Rows.copy(row, 0, place.segment(), place.start(), width);
            if (op.scale() != 1f) {
                Rows.scale(op.scale(), place.segment(), place.start(), width);
            }
        }
    }

    private void eachToken(int tokens, TokenTask body) {
        pool.parallelFor(
                (tokens + TOKENS_PER_TASK - 1) / TOKENS_PER_TASK,
                Operator.EMBEDDING,
                (task, worker) -> {
                    int to = Math.min(tokens, (task + 1) * TOKENS_PER_TASK);
                    for (int token = task * TOKENS_PER_TASK; token < to; token++) {
                        body.run(token, worker);
                    }
                });
    }

    private interface TokenTask {
        void run(int token, int worker);
    }
}
