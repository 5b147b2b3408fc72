package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.JsonOption;
import io.millrace.executor.config.Method;
import io.millrace.executor.config.Methods;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code millrace methods}. */
@Command(
        name = "methods",
        description = "List the published methods that --method knows, and what each is made of.")
public final class MethodsCommand implements Callable<Integer> {
    private static final String ROW = "%-15s %-10s %-12s %-11s %-6s %16s %11s  %s";

    private final CommandContext context;

    @Mixin private JsonOption json = new JsonOption();

    public MethodsCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        if (json.wanted()) {
            List<Map<String, Object>> all =
                    Methods.all().stream().map(MethodsCommand::answer).toList();
            context.printJson(Map.of("methods", all));
            return ExitCode.DONE;
        }
        context.print(
                String.format(
                        ROW,
                        "method",
                        "direction",
                        "estimator",
                        "optimizer",
                        "blocks",
                        "forwards a visit",
                        "state bytes",
                        "source"));
        for (Method method : Methods.all()) {
            context.print(
                    String.format(
                            ROW,
                            method.name(),
                            method.direction(),
                            method.estimator(),
                            method.optimizer(),
                            method.blocks(),
                            method.isFirstOrder()
                                    ? method.forwards() + " and back"
                                    : method.forwards(),
                            String.format(Locale.ROOT, "%.4g", method.stateBytes())
                                    .replaceAll("\\.?0+$", ""),
                            method.source()));
        }
        return ExitCode.DONE;
    }

    private static Map<String, Object> answer(Method method) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("name", method.name());
        fields.put("source", method.source());
        fields.put("direction", method.direction());
        fields.put("estimator", method.estimator());
        fields.put("optimizer", method.optimizer());
        fields.put("blocks", method.blocks());
        fields.put("tune", "full");
        fields.put("defaults", method.settings().toJson());
        fields.put("state_bytes_per_parameter", stateBytes(method));
        fields.put("forwards_per_visit", method.forwards());
        fields.put("gradient", method.isFirstOrder());
        fields.put("replayable", !method.isFirstOrder());
        return fields;
    }

    /** Whole where they are. */
    private static Number stateBytes(Method method) {
        double bytes = method.stateBytes();
        if (bytes == Math.rint(bytes)) {
            return Math.round(bytes);
        }
        return bytes;
    }
}
