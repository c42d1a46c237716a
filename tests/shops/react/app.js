// The shop, for the server and the browser alike: an expression that takes React and gives the components.
((React) => {
  const e = React.createElement;

  const products = [
    ['Tea bowl', '¥4,200'],
    ['Cedar tray', '¥2,800'],
    ['Indigo cloth', '¥1,900'],
    ['Letter paper', '¥900'],
  ];

  const Product = ({ name, price }) => {
    const [count, setCount] = React.useState(0);
    return e('li', null, [
      e('h2', { key: 'name' }, name),
      e('p', { key: 'price', className: 'price' }, price),
      e('button', { key: 'add', type: 'button', onClick: () => setCount(count + 1) }, 'In the cart: ', count),
    ]);
  };

  // `reviews` suspends on the server until they are there; in the browser it answers at once.
  const Reviews = ({ reviews }) => e('p', { id: 'reviews' }, reviews());

  const App = ({ reviews }) => {
    const [route, setRoute] = React.useState('home');
    React.useEffect(() => {
      globalThis.hydrated = true;
    }, []);
    return e(
      'div',
      { id: 'app' },
      e('header', null, e('h1', null, 'A shop in React'), e('button', { id: 'about', onClick: () => setRoute('about') }, 'About us')),
      e(
        'main',
        { key: route },
        route === 'about' ? e('p', null, 'We are a small shop.') : e('ul', null, products.map(([name, price]) => e(Product, { key: name, name, price }))),
        reviews && e(React.Suspense, { fallback: e('p', { id: 'waiting' }, 'The reviews are on their way.') }, e(Reviews, { reviews })),
      ),
    );
  };

  // Where React owns all of the page. A new `look` is a new body.
  const Page = ({ reviews }) =>
    e(
      'html',
      { lang: 'en' },
      e(
        'head',
        null,
        e('meta', { charSet: 'utf-8' }),
        e('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
        e('title', null, 'A shop in React'),
        e('link', { rel: 'stylesheet', href: '/style.css' }),
      ),
      e('body', null, e(App, { reviews })),
    );

  return { App, Page };
})
