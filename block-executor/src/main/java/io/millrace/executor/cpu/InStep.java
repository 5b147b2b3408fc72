package io.millrace.executor.cpu;

import io.millrace.executor.cpu.program.BlockFrame;
import io.millrace.executor.cpu.program.BlockInterpreter;
import io.millrace.executor.cpu.program.ScoreProgram;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.schedule.Schedule;
import io.millrace.executor.schedule.Stage;
import io.millrace.model.program.Op;
import java.util.ArrayList;
import java.util.List;

/**
 * Micro-batches of several runs in step through a block: each operator for one run after another,
 * but products with one matrix for all of them while a panel of it is at hand. Every product is
 * made of one run's rows, so that neither its bits nor its shape depend on the others.
 */
final class InStep {
    private InStep() {}

    /**
     * One run's part.
     *
     * @param interpreter runs its operators, in memory that no other member's are run in
     * @param schedule of the block, as long as the others' and of like operators
     * @param frame its micro-batch
     */
    record Member(BlockInterpreter interpreter, Schedule schedule, BlockFrame frame) {
        private boolean isAsked(int at) {
            return frame.rows(stage(at).rows()) > 0;
        }

        private Stage stage(int at) {
            return schedule.stages().get(at);
        }
    }

    /** Whether members with these schedules of a block can go in step. */
    static boolean alike(Schedule one, Schedule other) {
        List<Stage> stages = one.stages();
        if (stages.size() != other.stages().size()) {
            return false;
        }
        for (int at = 0; at < stages.size(); at++) {
            if (!alike(stages.get(at).op(), other.stages().get(at).op())) {
                return false;
            }
        }
        return true;
    }

    private static boolean alike(Op one, Op other) {
        if (one instanceof Op.Linear first && other instanceof Op.Linear second) {
            return first.matrices().size() == second.matrices().size();
        }
        return one.getClass() == other.getClass();
    }

    /** Takes them through. */
    static void run(List<Member> members) {
        int stages = members.getFirst().schedule.stages().size();
        for (int stage = 0; stage < stages; stage++) {
            int at = stage;
            List<Member> asked = members.stream().filter(member -> member.isAsked(at)).toList();
            if (!asked.isEmpty()) {
                run(asked, at);
            }
        }
    }

    private static void run(List<Member> asked, int at) {
        switch (asked.getFirst().stage(at).op()) {
            case Op.Linear op -> {
                for (int which = 0; which < op.matrices().size(); which++) {
                    multiply(asked, at, which);
                }
            }
            case Op.Score _ -> score(asked, at);
            default ->
                    asked.forEach(member -> {
                        Stage stage = member.stage(at);
                        int rows = member.frame.rows(stage.rows());
                        member.interpreter.run(stage, member.frame, rows);
                    });
        }
    }

    private static void multiply(List<Member> asked, int at, int which) {
        List<LinearProgram.Product> products = new ArrayList<>();
        for (Member member : asked) {
            Stage stage = member.stage(at);
            Op.Linear op = (Op.Linear) stage.op();
            products.add(member.interpreter.product(stage, op, which, member.frame));
        }
        products.getFirst().makeWith(products);
    }

    private static void score(List<Member> asked, int at) {
        List<ScoreProgram.Scoring> scorings = new ArrayList<>();
        for (Member member : asked) {
            Stage stage = member.stage(at);
            scorings.add(member.interpreter.scoring((Op.Score) stage.op(), member.frame));
        }
        scorings.getFirst()
                .product()
                .makeWith(scorings.stream().map(ScoreProgram.Scoring::product).toList());
        scorings.forEach(scoring -> scoring.then().run());
    }
}
