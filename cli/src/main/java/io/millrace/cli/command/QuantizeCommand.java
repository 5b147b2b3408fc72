package io.millrace.cli.command;

import io.millrace.cli.context.ByteProgress;
import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.Converters;
import io.millrace.cli.option.Described;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.RunLine;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.quantize.Quantization;
import io.millrace.executor.quantize.QuantizeConfig;
import io.millrace.memory.ByteSize;
import io.millrace.model.quantize.QuantForm;
import io.millrace.model.quantize.TensorError;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.util.Comparator;
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

/** {@code millrace quantize}. */
@Command(
        name = "quantize",
        customSynopsis = "millrace quantize --model=DIR --format=F --out=DIR [OPTION]...",
        description = "Write a model with its layers' matrices in fewer bits.")
public final class QuantizeCommand implements Callable<Integer>, Described {
    private static final int SHOWN = 3;

    private final CommandContext context;

    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description = "The model: a Hugging Face folder, or owner/name on the hub.")
    private Path model;

    @Option(
            names = "--format",
            required = true,
            paramLabel = "F",
            converter = Converters.Form.class,
            description =
                    "int4 or int8 (GPTQ's layout), nf4 (bitsandbytes'), fp8 (DeepSeek's blocks).")
    private QuantForm form;

    @Option(
            names = "--group-size",
            paramLabel = "G",
            description =
                    "Elements of a row that share a scale; of fp8 the edge of a block. Default: 128,"
                            + " of nf4 64.")
    private Integer group;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Folder to write.")
    private Path out;

    @Option(
            names = "--calibrate",
            paramLabel = "FILE",
            description =
                    "Text to run through the model first: what is lost at one input is made up for"
                            + " at others (GPTQ). Default: each weight goes to the nearest code.")
    private Path calibrate;

    @Option(
            names = "--calibration-tokens",
            paramLabel = "N",
            description = "Tokens of it that are taken, from its beginning. Default: 8192.")
    private int tokens = 8192;

    @Option(
            names = "--eval",
            paramLabel = "FILE",
            description = "Held-out text: its loss is computed before and after.")
    private Path eval;

    @Mixin private JsonOption json = new JsonOption();

    private RunLine run;

    public QuantizeCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public void describe(CommandSpec command) {
        run = RunLine.of(command).take(TaskConfig.OPTIONS).take(MemoryConfig.OPTIONS).atTheEnd();
    }

    @Override
    public Integer call() {
        Settings told = run.told();
        ByteProgress progress = new ByteProgress(context.err(), context.terminal(), "quantised");
        QuantizeConfig config =
                new QuantizeConfig(
                        context.models().folder(model),
                        form,
                        QuantizeConfig.group(form, group),
                        out,
                        Optional.ofNullable(calibrate)
                                .map(file -> new QuantizeConfig.Calibration(file, tokens)),
                        Optional.ofNullable(eval),
                        new TaskConfig(told),
                        new MemoryConfig(told));
        Quantization.Result result;
        try {
            result = context.engine().quantize(config, progress::more);
        } finally {
            progress.erase();
        }
        if (json.wanted()) {
            context.printJson(answer(config, result));
        } else {
            lines(result);
        }
        return ExitCode.DONE;
    }

    private void lines(Quantization.Result result) {
        context.print(
                String.format(
                        Locale.ROOT,
                        "%d matrices as %s, relative error %.4f (RMS); %s of weights became %s: %s",
                        result.tensors().size(),
                        form.name(),
                        result.relativeRms(),
                        ByteSize.format(result.bytesBefore()),
                        ByteSize.format(result.bytesAfter()),
                        out));
        result.tensors().stream()
                .sorted(Comparator.comparingDouble(TensorError::relativeRms).reversed())
                .limit(SHOWN)
                .forEach(tensor ->
                        context.print(
                                String.format(
                                        Locale.ROOT,
                                        "  %s: %.4f, at most %.3g",
                                        tensor.tensor(),
                                        tensor.relativeRms(),
                                        tensor.worst())));
        result.losses()
                .ifPresent(losses ->
                        context.print(
                                String.format(
                                        Locale.ROOT,
                                        "held-out loss %.4f before, %.4f after",
                                        losses.before().loss(),
                                        losses.after().loss())));
    }

    private Map<String, Object> answer(QuantizeConfig config, Quantization.Result result) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("format", form.name());
        answer.put("group_size", config.group());
        answer.put("relative_rms", result.relativeRms());
        answer.put("bytes_before", result.bytesBefore());
        answer.put("bytes_after", result.bytesAfter());
        result.losses()
                .ifPresent(losses -> {
                    answer.put("eval_loss_before", losses.before().loss());
                    answer.put("eval_loss_after", losses.after().loss());
                });
        answer.put("tensors", result.tensors().stream().map(QuantizeCommand::fields).toList());
        answer.put("out", out.toString());
        return answer;
    }

    private static Map<String, Object> fields(TensorError tensor) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("tensor", tensor.tensor());
        fields.put("shape", List.of(tensor.outputs(), tensor.inputs()));
        fields.put("relative_rms", tensor.relativeRms());
        fields.put("worst", tensor.worst());
        fields.put("calibrated", tensor.calibrated());
        return fields;
    }
}
