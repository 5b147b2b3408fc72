package io.millrace.executor.cuda.weight;

import io.millrace.executor.schedule.Schedule;
import io.millrace.model.program.Bottleneck;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.Op;

/** What launches do in passing: sums, and the copying of rows that are normed. */
final class DeviceFusing implements Schedule.Fusing {
    @Override
    public boolean adds(Op op) {
        return switch (op) {
            case Op.Lookup _, Op.Norm _, Bottleneck _ -> true;
            case Op.Linear linear -> linear.matrices().size() == 1;
            case Op.Copy _,
                    Op.NormHeads _,
                    Op.Rotate _,
                    Op.Attend _,
                    Op.Activate _,
                    Op.Scale _,
                    Op.Virtual _,
                    Op.Gate _,
                    Op.GateHalves _,
                    MixtureOp _,
                    Op.Times _,
                    Op.Add _,
                    Op.Score _ ->
                    false;
        };
    }

    @Override
    public boolean copies(Op op) {
        return switch (op) {
            case Op.Norm _ -> true;
            case Op.Lookup _,
                    Op.Copy _,
                    Op.NormHeads _,
                    Op.Linear _,
                    Op.Rotate _,
                    Op.Attend _,
                    Op.Activate _,
                    Op.Beside _,
                    Op.Gate _,
                    Op.GateHalves _,
                    MixtureOp _,
                    Op.Times _,
                    Op.Add _,
                    Op.Score _ ->
                    false;
        };
    }
}
