package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.JsonOption;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.model.hub.HubId;
import io.millrace.model.hub.PushResult;
import io.millrace.model.hub.PushTarget;
import io.millrace.model.hub.PushedFile;
import io.millrace.model.share.SharedFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code millrace push}. */
@Command(
        name = "push",
        customSynopsis =
                "millrace push DIR --to=OWNER/NAME [--revision=BRANCH] [--private] [--dry-run]"
                        + " [--json]",
        description =
                "Give a model or an adapter to a repository of the Hugging Face hub, in one commit."
                        + " What the hub has already is not sent again.")
public final class PushCommand implements Callable<Integer> {
    private final CommandContext context;

    @Parameters(
            arity = "1",
            paramLabel = "DIR",
            description =
                    "Folder of a model or of an adapter, as tune, merge or quantize leave it.")
    private Path folder;

    @Option(
            names = "--to",
            required = true,
            paramLabel = "OWNER/NAME",
            description = "The repository. It is made where it is not there.")
    private String to;

    @Option(
            names = "--revision",
            paramLabel = "BRANCH",
            description =
                    "The branch, made where it is not there. Default: main, or what stands behind"
                            + " an @ in --to.")
    private String revision;

    @Option(
            names = "--private",
            description = "Only some may see the repository; one that all may see is refused.")
    private boolean hidden;

    @Option(names = "--dry-run", description = "Say what would go, and ask the hub nothing.")
    private boolean dryRun;

    @Mixin private JsonOption json = new JsonOption();

    public PushCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        PushTarget target = new PushTarget(id(), hidden);
        SharedFolder shared = SharedFolder.of(folder);
        if (dryRun) {
            List<PushedFile> files = shared.files().stream().map(PushCommand::unsent).toList();
            print(target, shared, files, new LinkedHashMap<>(), "would go to " + target.id());
        } else {
            PushResult result = context.models().push(target, shared.files());
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("url", result.address().toString());
            answer.put("commit", result.commit().orElse(null));
            answer.put("sent_bytes", result.sentBytes());
            print(target, shared, result.files(), answer, line(result));
        }
        return ExitCode.DONE;
    }

    private HubId id() {
        HubId given =
                HubId.find(to)
                        .orElseThrow(() ->
                                new BadInputException(
                                        "--to",
                                        "'" + to + "' is no name of a repository",
                                        "give one such as org/name"));
        if (revision == null) {
            return given;
        }
        return HubId.find(given.path() + "@" + revision)
                .filter(_ -> !to.contains("@"))
                .orElseThrow(() ->
                        new BadInputException(
                                "--revision",
                                to.contains("@")
                                        ? "is given, and --to names a branch"
                                        : "'" + revision + "' is no name of a branch",
                                "give one name, of letters, digits, '.', '_' and '-'"));
    }

    private static PushedFile unsent(Path file) {
        try {
            return new PushedFile(
                    file.getFileName().toString(), Files.size(file), PushedFile.Fate.UNASKED);
        } catch (IOException e) {
            throw new UncheckedIOException(file.toString(), e);
        }
    }

    private static String line(PushResult result) {
        return result.commit()
                .map(_ -> ByteSize.format(result.sentBytes()) + " sent: " + result.address())
                .orElse("nothing to send, all is there: " + result.address());
    }

    private void print(
            PushTarget target,
            SharedFolder shared,
            List<PushedFile> files,
            Map<String, Object> answer,
            String line) {
        if (json.wanted()) {
            answer.put("repository", target.id().path());
            answer.put("revision", target.id().revision());
            answer.put("kind", word(shared.kind()));
            List<Map<String, Object>> rows = new ArrayList<>();
            for (PushedFile file : files) {
                Map<String, Object> row = new LinkedHashMap<>();
                row.put("name", file.name());
                row.put("bytes", file.sizeBytes());
                row.put("fate", word(file.fate()));
                rows.add(row);
            }
            answer.put("files", rows);
            answer.put("left_out", shared.left());
            context.printJson(answer);
            return;
        }
        for (PushedFile file : files) {
            context.print(
                    String.format(
                            Locale.ROOT,
                            "%12s  %-9s %s",
                            ByteSize.format(file.sizeBytes()),
                            file.fate() == PushedFile.Fate.UNASKED ? "" : word(file.fate()),
                            file.name()));
        }
        if (!shared.left().isEmpty()) {
            context.print("left out: " + String.join(", ", shared.left()));
        }
        context.print("the " + word(shared.kind()) + ", " + line);
    }

    private static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }
}
