package io.millrace.cli.command;

import io.millrace.cli.context.ByteProgress;
import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.context.Operations;
import io.millrace.cli.option.Converters;
import io.millrace.cli.option.FormOption;
import io.millrace.cli.option.JsonOption;
import io.millrace.memory.ByteSize;
import io.millrace.memory.DType;
import io.millrace.model.synthetic.SyntheticModel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace synth}. */
@Command(
        name = "synth",
        description = "Write a model of random weights and true shapes, to measure with.")
public final class SynthCommand implements Callable<Integer> {
    private final CommandContext context;

    @ArgGroup(multiplicity = "1")
    private Shape shape;

    @Option(
            names = "--dtype",
            required = true,
            paramLabel = "D",
            description = "float32, bfloat16 or float16.")
    private DType dtype;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Folder to write.")
    private Path out;

    @Option(
            names = "--seed",
            paramLabel = "S",
            converter = Converters.Seed.class,
            description = "64 bits, decimal or 0x... Default: 0.")
    private long seed;

    @Mixin private FormOption form = new FormOption();

    @Mixin private JsonOption json = new JsonOption();

    public SynthCommand(CommandContext context) {
        this.context = context;
    }

    /** Where the shapes come from: one of two. */
    static final class Shape {
        @Option(
                names = "--arch",
                required = true,
                paramLabel = "NAME",
                description = "A known model, such as opt-125m or llama-7b.")
        private String arch;

        @Option(
                names = "--config",
                required = true,
                paramLabel = "FILE",
                description = "A config.json.")
        private Path config;
    }

    @Override
    public Integer call() {
        ByteProgress progress = new ByteProgress(context.err(), context.terminal(), "written");
        SyntheticModel.Written written =
                context.engine()
                        .synth(
                                new Operations.SynthRequest(
                                        Optional.ofNullable(shape.arch),
                                        Optional.ofNullable(shape.config),
                                        dtype,
                                        form.packing(),
                                        out,
                                        seed),
                                progress::more);
        progress.erase();
        long parameters = written.parameters();
        long bytes = written.bytes();
        if (json.wanted()) {
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("parameters", parameters);
            answer.put("bytes", bytes);
            answer.put("out", out.toString());
            context.printJson(answer);
        } else {
            context.print(
                    String.format(
                            Locale.ROOT,
                            "%,d parameters, %s: %s",
                            parameters,
                            ByteSize.format(bytes),
                            out));
        }
        return ExitCode.DONE;
    }
}
