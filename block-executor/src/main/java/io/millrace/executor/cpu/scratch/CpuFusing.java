package io.millrace.executor.cpu.scratch;

import io.millrace.executor.schedule.Schedule;
import io.millrace.model.program.LatentOp;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import java.util.List;

/** What the operators of a CPU do in passing: sums, where a result is made row by row. */
public final class CpuFusing implements Schedule.Fusing {
    private CpuFusing() {}

    /** How a CPU runs each block of a model, in the order of a step's visits. */
    public static List<Schedule> schedules(ModelProgram program) {
        CpuFusing fusing = new CpuFusing();
        return program.blocks().stream().map(block -> Schedule.of(block, fusing)).toList();
    }

    @Override
    public boolean adds(Op op) {
        return switch (op) {
            case Op.Lookup _ -> true;
            case Op.Linear linear -> linear.matrices().size() == 1;
            case Op.Copy _,
                    Op.Norm _,
                    Op.NormHeads _,
                    Op.Rotate _,
                    Op.Attend _,
                    Op.Activate _,
                    Op.Gate _,
                    Op.GateHalves _,
                    MixtureOp _,
                    LatentOp _,
                    Op.Times _,
                    Op.Add _,
                    Op.Beside _,
                    Op.Score _ ->
                    false;
        };
    }

    @Override
    public boolean copies(Op op) {
        return false;
    }
}
