package io.millrace.cli.selftest;

import io.millrace.cli.command.ThrowAwayFolder;
import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.JsonOption;
import io.millrace.executor.config.GivenPaths;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace self-test}. */
@Command(
        name = "self-test",
        description =
                "Try in a minute what works on this machine: tune the sample model in memory,"
                        + " streamed, on an emulated device, and killed and resumed, to the same"
                        + " bytes. Exit code 1 where anything differs.")
public final class SelfTestCommand implements Callable<Integer> {
    private final CommandContext context;

    @Option(
            names = "--nvme-dir",
            paramLabel = "DIR",
            description =
                    "A folder on the drive that is to be tried; what is written there is removed."
                            + " Default: the folder for temporary files.")
    private Path nvmeDir;

    @Mixin private JsonOption json = new JsonOption();

    public SelfTestCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() throws IOException {
        Path samples = context.samples();
        Path parent = nvmeDir == null ? Path.of(System.getProperty("java.io.tmpdir")) : nvmeDir;
        GivenPaths.requireFolder("--nvme-dir", parent);
        Files.createDirectories(parent);
        List<Finding> findings = new ArrayList<>();
        try (ThrowAwayFolder folder = ThrowAwayFolder.in(parent, "give another --nvme-dir")) {
            new SelfTest(
                            context.engine(),
                            samples,
                            folder.path(),
                            finding -> {
                                findings.add(finding);
                                if (!json.wanted()) {
                                    context.print(finding.line());
                                }
                            })
                    .run();
        }
        boolean sound = findings.stream().noneMatch(Finding::failed);
        if (json.wanted()) {
            context.printJson(answer(findings, sound));
        } else {
            context.print(
                    sound
                            ? "all that was tried works on this machine"
                            : "something does not work on this machine: see above");
        }
        return sound ? ExitCode.DONE : ExitCode.FAILED;
    }

    private static Map<String, Object> answer(List<Finding> findings, boolean sound) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("ok", sound);
        answer.put("findings", findings.stream().map(Finding::fields).toList());
        return answer;
    }
}
