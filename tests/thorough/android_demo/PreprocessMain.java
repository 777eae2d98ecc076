import dev.edgepack.runtime.BundleException;
import dev.edgepack.runtime.Preprocess;
import dev.edgepack.runtime.Tensor;
import dev.edgepack.runtime.TensorSpec;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import org.json.JSONArray;
import org.json.JSONObject;

/** Applies the app's preprocessing to pictures on the plain JVM: one job a folder, which the arguments name. */
final class PreprocessMain {
    public static void main(String[] folders) throws Exception {
        for (String name : folders) {
            Path folder = Paths.get(name);
            JSONObject job = new JSONObject(new String(Files.readAllBytes(folder.resolve("job.json")), "UTF-8"));
            byte[] rgb = Files.readAllBytes(folder.resolve("rgb"));
            int[] argb = new int[rgb.length / 3];
            for (int at = 0; at < argb.length; at++) {
                argb[at] = 0xff << 24 | (rgb[3 * at] & 0xff) << 16 | (rgb[3 * at + 1] & 0xff) << 8 | rgb[3 * at + 2] & 0xff;
            }
            Files.write(folder.resolve("result"), result(job, argb));
        }
    }

    private static byte[] result(JSONObject job, int[] argb) throws Exception {
        try {
            JSONArray steps = job.getJSONArray("steps");
            Tensor made = new Preprocess(steps, new TensorSpec(job.getJSONObject("input"))).apply(argb, job.getInt("width"));
            byte[] bytes = new byte[made.data.capacity()];
            ((ByteBuffer) made.data.rewind()).get(bytes);
            return bytes;
        } catch (BundleException error) {
            return error.getMessage().getBytes("UTF-8");
        }
    }
}
