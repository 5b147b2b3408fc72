package io.millrace.executor.cuda;

import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.weight.DeviceBlock;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceWeights;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import java.util.Optional;

/**
 * One pass of a micro-batch through a block, for every scale of a query: where its values lie.
 *
 * @param block place of the block's visit in a step
 * @param weights the block's weights as the query wants them
 * @param batch the micro-batch's tables
 * @param hidden the residual stream, [tokens, hidden] for every scale, float32
 * @param scratch where other values lie
 * @param losses address of the first scale's first row's
 * @param logits takes whole rows of logits; empty where losses are wanted
 */
record LaunchFrame(
        int block,
        DeviceWeights weights,
        BatchUpload.Tables batch,
        DeviceMatrix hidden,
        DeviceScratch scratch,
        long losses,
        Optional<ScoreKernels.LogitRows> logits) {
    DeviceBlock way() {
        return scratch.plan().program().blocks().get(block);
    }

    int scales() {
        return weights.scaleCount();
    }

    int rows(Value.Rows rows) {
        return switch (rows) {
            case ALL -> batch.rows();
            case HEAD -> batch.headRows();
            case TABLE -> throw new IllegalStateException("no card has rows of a table");
        };
    }

    /** Address of which rows a copy takes, 0 where it takes all. */
    long picks(Op.Copy copy) {
        return copy.picks() ? batch.picks() : 0;
    }

    /** [rows, width] of a value for every scale. */
    DeviceMatrix place(Value value) {
        return switch (value.memory()) {
            case STREAM -> hidden;
            case HELD -> throw new IllegalStateException(value + " waits for experts");
            case CARRIED -> throw new IllegalStateException("no card carries " + value);
            case KEPT -> scratch.kept(block, batch.past(), value.width());
            case STATES -> scratch.states(block, value);
        };
    }
}
