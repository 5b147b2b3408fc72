package io.millrace.cli.plan;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.option.MachineOptions;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.GivenPaths;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.plan.Durations;
import io.millrace.executor.plan.ModelPlan;
import io.millrace.executor.plan.ModelShape;
import io.millrace.executor.plan.PlanOptions;
import io.millrace.executor.run.DataReport;
import io.millrace.executor.run.DataRequest;
import io.millrace.optim.objective.CandidateObjective;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * A run that is looked at and not made: its data are read and its plan is told.
 *
 * @param context what the command works with
 * @param told of the run, with the model's folder
 * @param config the run, or the first of several that share their passes
 */
public record DryRun(CommandContext context, Settings told, TuneConfig config) {
    private static final String NOTHING = "nothing was written: leave --dry-run out to run it";

    /**
     * Shows what would be done.
     *
     * @param json whether a program wants to know
     * @throws io.millrace.memory.BadInputException where the run would be refused
     */
    public void show(boolean json) {
        GivenPaths.requireFolder("--out", config.output().out());
        DataConfig data = config.data();
        DataReport.Sizes sizes = sizes(data.train(), false);
        int longest =
                data.eval()
                        .map(file -> Math.max(sizes.longest(), sizes(file, true).longest()))
                        .orElse(sizes.longest());
        ModelPlan plan = plan(longest, candidates(sizes));
        PlanReport report = new PlanReport(plan, PlanReport.ENDURANCE);
        if (json) {
            Map<String, Object> answer = new LinkedHashMap<>(report.fields());
            answer.put("steps", config.arithmetic().steps());
            answer.put("examples", sizes.examples());
            answer.put("longest", sizes.longest());
            answer.put("predicted_seconds", seconds(plan));
            context.printJson(answer);
            return;
        }
        context.print(
                String.format(
                        Locale.ROOT,
                        "%s: %,d examples of at most %,d tokens",
                        data.train(),
                        sizes.examples(),
                        sizes.longest()));
        report.lines().forEach(context::print);
        context.print(
                String.format(
                        Locale.ROOT,
                        "%,d steps take about %s; %s",
                        config.arithmetic().steps(),
                        Durations.format(seconds(plan)),
                        NOTHING));
    }

    private ModelPlan plan(int longest, int candidates) {
        // A plan that is told nothing chooses for itself what a run has a usual value of.
        Settings known =
                told.with(TaskConfig.SEQ_LEN, longest)
                        .with(DataConfig.MICRO_BATCH, config.data().microBatch());
        return new RunPlanner(known, PlanOptions.of(known, config.arithmetic(), candidates))
                .plan(
                        () -> ModelShape.ofFolder(config.model(), config.arithmetic().dtype()),
                        new MachineOptions());
    }

    private int candidates(DataReport.Sizes sizes) {
        return config.arithmetic().objective() instanceof CandidateObjective
                ? Math.toIntExact(Math.ceilDiv(sizes.candidates(), sizes.examples()))
                : 1;
    }

    private double seconds(ModelPlan plan) {
        return plan.forecast().stepSeconds() * config.arithmetic().steps();
    }

    private DataReport.Sizes sizes(Path file, boolean heldOut) {
        return context.engine()
                .inspect(new DataRequest(config.model(), file, config.data().task(), heldOut))
                .sizes();
    }
}
