package io.millrace.cli.look;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.Described;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.RunLine;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.search.LayerOutliers;
import io.millrace.executor.search.OutlierConfig;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** {@code millrace outliers}. */
@Command(
        name = "outliers",
        customSynopsis = "millrace outliers --model=DIR --out=FILE.json [OPTION]...",
        description =
                "Count the outliers in each layer of a model: weights for tune --method owlore"
                        + " --block-weights.")
public final class OutliersCommand implements Callable<Integer>, Described {
    private final CommandContext context;

    @Option(
            names = "--train",
            paramLabel = "FILE",
            description =
                    "Text to run through the model first: a weight then counts its size times the"
                            + " length of its input over all tokens. Default: its size.")
    private Path train;

    @Option(
            names = "--tokens",
            paramLabel = "N",
            description = "Tokens of it that are taken, from its beginning. Default: 8192.")
    private int tokens = 8192;

    @Option(
            names = "--times",
            paramLabel = "M",
            description =
                    "How many times the mean of its layer a weight exceeds that is an outlier."
                            + " Default: 13.")
    private double times = 13;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "FILE",
            description = "JSON to write: each layer's share of outliers, as block_weights.")
    private Path out;

    @Mixin private JsonOption json = new JsonOption();

    private RunLine run;

    public OutliersCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public void describe(CommandSpec command) {
        run =
                RunLine.of(command)
                        .require(TuneConfig.MODEL)
                        .take(TaskConfig.OPTIONS)
                        .take(MemoryConfig.OPTIONS)
                        .atTheEnd();
    }

    @Override
    public Integer call() {
        Settings told = context.models().found(run.told());
        OutlierConfig config =
                new OutlierConfig(
                        told.get(TuneConfig.MODEL),
                        out,
                        times,
                        Optional.ofNullable(train)
                                .map(file -> new OutlierConfig.Text(file, tokens)),
                        new TaskConfig(told),
                        new MemoryConfig(told));
        List<LayerOutliers> layers =
                new WorkLine(context)
                        .during((stop, progress) ->
                                context.engine().outliers(config, stop, progress));
        if (layers.isEmpty()) {
            context.err().println("millrace: stopped before all layers were counted: no file");
            context.err().flush();
            return ExitCode.INTERRUPTED;
        }
        if (json.wanted()) {
            context.printJson(answer(layers));
        } else {
            print(layers);
        }
        return ExitCode.DONE;
    }

    private void print(List<LayerOutliers> layers) {
        context.print("layer       weights    outliers      share        mean");
        for (int layer = 0; layer < layers.size(); layer++) {
            LayerOutliers found = layers.get(layer);
            context.print(
                    String.format(
                            Locale.ROOT,
                            "%5d  %,12d  %,10d  %9.3g  %10.4g",
                            layer,
                            found.weights(),
                            found.outliers(),
                            found.share(),
                            found.mean()));
        }
        if (layers.stream().allMatch(found -> found.outliers() == 0)) {
            context.print(
                    "no layer has any: these are no weights to draw layers by; lower --times");
        }
        context.print("done: " + out);
    }

    private Map<String, Object> answer(List<LayerOutliers> layers) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("times", times);
        answer.put("layers", layers.stream().map(OutliersCommand::fields).toList());
        answer.put("out", out.toString());
        return answer;
    }

    private static Map<String, Object> fields(LayerOutliers found) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("weights", found.weights());
        fields.put("outliers", found.outliers());
        fields.put("share", found.share());
        fields.put("mean", found.mean());
        return fields;
    }
}
