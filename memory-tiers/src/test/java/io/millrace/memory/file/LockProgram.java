package io.millrace.memory.file;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/** Takes and frees a folder's lock as its input asks for, and says how that went. */
final class LockProgram {
    private LockProgram() {}

    public static void main(String[] arguments) throws IOException {
        Path folder = Path.of(arguments[0]);
        Optional<FolderLock> held = Optional.empty();
        BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.equals("take")) {
                held = FolderLock.tryTake(folder, "lock");
                System.out.println(held.isPresent() ? "held" : "busy");
            } else {
                held.orElseThrow().close();
                System.out.println("freed");
            }
        }
    }
}
