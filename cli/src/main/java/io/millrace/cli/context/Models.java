package io.millrace.cli.context;

import io.millrace.executor.config.TuneConfig;
import io.millrace.model.hub.HubModels;
import io.millrace.model.hub.HubPush;
import io.millrace.model.hub.HubSettings;
import io.millrace.model.hub.PushResult;
import io.millrace.model.hub.PushTarget;
import io.millrace.optim.option.Settings;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;

/** Where models lie that a command is given, and go that it gives: folders, or names on a hub. */
public final class Models {
    private final Supplier<HubSettings> settings;
    private final PrintStream err;
    private final boolean terminal;
    private boolean offline;

    /**
     * A finder of models.
     *
     * @param settings which hub and which cache; asked only once a folder is not there
     * @param err where a download is told of
     * @param terminal whether that is a terminal
     */
    public Models(Supplier<HubSettings> settings, PrintStream err, boolean terminal) {
        this.settings = settings;
        this.err = err;
        this.terminal = terminal;
    }

    /** The hub and the cache that the variables of Hugging Face's library name. */
    public static Models ofEnvironment(PrintStream err, boolean terminal) {
        Path home = Path.of(System.getProperty("user.home"));
        return new Models(() -> HubSettings.of(System.getenv(), home), err, terminal);
    }

    /** From now on nothing is downloaded. */
    public void stayOffline() {
        offline = true;
    }

    /**
     * The folder of a model.
     *
     * @param given as a person gave it
     * @throws io.millrace.memory.BadInputException when it is a name and the model cannot be had
     */
    public Path folder(Path given) {
        if (Files.exists(given)) {
            return HubModels.there(given);
        }
        ByteProgress progress = new ByteProgress(err, terminal, "downloaded");
        try {
            return new HubModels(hub(), this::say, progress::more).folder(given);
        } finally {
            progress.erase();
        }
    }

    /**
     * Gives files to a repository of the hub.
     *
     * @param target where to
     * @param files by their paths
     * @throws io.millrace.memory.BadInputException when they cannot be given
     */
    public PushResult push(PushTarget target, List<Path> files) {
        ByteProgress progress = new ByteProgress(err, terminal, "uploaded");
        try {
            return new HubPush(hub(), target, this::say, progress::more).run(files);
        } finally {
            progress.erase();
        }
    }

    private HubSettings hub() {
        return offline ? settings.get().withoutNetwork() : settings.get();
    }

    /** The same options with the model's folder in the place of what was given for it. */
    public Settings found(Settings told) {
        return told.find(TuneConfig.MODEL)
                .map(given -> told.with(TuneConfig.MODEL, folder(given)))
                .orElse(told);
    }

    private void say(String line) {
        err.println("millrace: " + line);
        err.flush();
    }
}
