package io.millrace.cli.plan;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.ManyConfigs;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.plan.ModelPlan;
import io.millrace.executor.plan.PlanOptions;
import io.millrace.memory.Tier;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The {@code tune} command that takes up a plan.
 *
 * @param plan what was planned
 */
record PlannedRun(ModelPlan plan) {
    /** One line; the files are left to who runs it. */
    String command() {
        PlanOptions options = plan.options();
        List<String> words = new ArrayList<>(List.of("millrace tune ..."));
        add(words, "--batch-size", options.batchSize());
        addUnless(options.batchSize(), words, "--micro-batch", options.microBatch().orElseThrow());
        add(words, "--seq-len", plan.tokensEach());
        addArithmetic(words, options.arithmetic());
        addUnless(1, words, ManyConfigs.ADAPTERS.spelled(), options.adapters());
        add(words, "--device", plan.machine().device().name());
        addUnless(0L, words, "--device-budget", plan.memory().deviceBudget());
        add(words, "--host-budget", plan.memory().hostBudget());
        addMemory(words, options.memory());
        return String.join(" ", words);
    }

    private void addMemory(List<String> words, MemoryConfig memory) {
        boolean onDrive = plan.placement().homes().contains(Tier.NVME);
        memory.nvmeDir()
                .map(Path::toString)
                .or(() -> onDrive ? Optional.of("DIR") : Optional.empty())
                .ifPresent(folder -> add(words, "--nvme-dir", folder));
        memory.nvmeBudget().ifPresent(bytes -> add(words, "--nvme-budget", bytes));
        addUnless(MemoryConfig.DEFAULT.prefetch(), words, "--prefetch", memory.prefetch());
        if (!memory.overlap()) {
            words.add("--no-overlap");
        }
    }

    /** What is another than a run takes anyway. */
    private static void addArithmetic(List<String> words, ArithmeticConfig arithmetic) {
        Settings settings = arithmetic.settings();
        for (Option<?> option : ArithmeticConfig.STEP) {
            Object said = settings.toJson().get(option.name());
            if (said != null && !settings.find(option).equals(arithmetic.usual(option))) {
                switch (option.type().form()) {
                    case FLAG -> words.add(option.spelled());
                    case VALUE -> add(words, option.spelled(), said);
                    case LIST ->
                            add(
                                    words,
                                    option.spelled(),
                                    ((List<?>) said)
                                            .stream()
                                                    .map(String::valueOf)
                                                    .collect(Collectors.joining(",")));
                }
            }
        }
    }

    private static void addUnless(Object usual, List<String> words, String option, Object value) {
        if (!Objects.equals(usual, value)) {
            add(words, option, value);
        }
    }

    private static void add(List<String> words, String option, Object value) {
        words.add(option + " " + value);
    }
}
